// Simulated time, as the simulator last told it, running on at its speed.
let anchor = { simulated: Date.now(), real: performance.now(), speed: 1 }

export function setClock({ now, speed }) {
  anchor = { simulated: now, real: performance.now(), speed }
}

/** Milliseconds since 1970. */
export function simulatedNow() {
  return anchor.simulated + (performance.now() - anchor.real) * anchor.speed
}

export function clockSpeed() {
  return anchor.speed
}
