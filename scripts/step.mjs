const quietMs = 400

/**
 * Does the work. If it is not done at once, a line says that it has started and another how long it took; if there
 * is nothing to do, nothing is said.
 */
export async function step(title, work) {
  const startedAt = performance.now()
  let isSaid = false
  const timer = setTimeout(() => {
    isSaid = true
    console.log(`${title} ...`)
  }, quietMs)
  try {
    const result = await work()
    if (isSaid) console.log(`${title}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
    return result
  } finally {
    clearTimeout(timer)
  }
}
