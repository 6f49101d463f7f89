import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { read, smallPng } from './small-png.mjs'

const [width, height] = [300, 200]
const bytes = 3

/** Few colours that most of it has, and shades between them that are rare, as at the edges of letters. */
function colourAt(x, y) {
  if (x % 50 !== 0) return x % 3 === 0 ? 0xfa_fa_fa : 0x17_19_27
  const shade = (x + 7 * y) % 400
  return ((shade >> 1) << 16) | ((shade & 1) << 11) | 0x40
}

const pixels = Uint32Array.from({ length: width * height }, (_, at) =>
  colourAt(at % width, Math.floor(at / width)),
)

/** As a browser writes it, but with each of the five filters, row by row. What a reader of sums would look at is left out. */
function rgbPng() {
  const plain = Buffer.alloc(pixels.length * bytes)
  pixels.forEach((colour, at) => plain.writeUIntBE(colour, at * bytes, bytes))
  const valueAt = (y, i) => (y < 0 || i < 0 ? 0 : plain[y * width * bytes + i])
  const rows = Array.from({ length: height }, (_, y) => [
    y % 5,
    ...Array.from({ length: width * bytes }, (_, i) => {
      const [left, up, corner] = [valueAt(y, i - bytes), valueAt(y - 1, i), valueAt(y - 1, i - bytes)]
      const guesses = [
        0,
        left,
        up,
        Math.floor((left + up) / 2),
        closest(left + up - corner, [left, up, corner]),
      ]
      return (valueAt(y, i) - guesses[y % 5] + 256) % 256
    }),
  ])
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.alloc(8),
    part('IHDR', header),
    part('IDAT', deflateSync(Buffer.from(rows.flat()))),
  ])
}

function part(name, data) {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  return Buffer.concat([length, Buffer.from(name), data, Buffer.alloc(4)])
}

/** The first of those that are as close as any. */
function closest(guess, values) {
  const distances = values.map((value) => Math.abs(guess - value))
  return values[distances.indexOf(Math.min(...distances))]
}

test('a picture is read whatever filters its rows have', () => {
  expect(read(rgbPng())).toEqual({ width, height, pixels })
})

test('it gets smaller, keeps the colours that most of it has, and of the others something close', () => {
  const png = rgbPng()
  const small = smallPng(png)
  expect(small.length).toBeLessThan(png.length)
  const after = read(small)
  expect([after.width, after.height]).toEqual([width, height])
  expect(new Set(pixels).size).toBeGreaterThan(256)
  expect(new Set(after.pixels).size).toBe(256)
  const common = pixels.map((colour, at) => (at % 50 === 0 ? after.pixels[at] : colour))
  expect(common).toEqual(after.pixels)
  const farthest = pixels.reduce(
    (most, colour, at) => Math.max(most, difference(colour, after.pixels[at])),
    0,
  )
  expect(farthest).toBeLessThan(16)
})

test('it begins and ends as readers expect', () => {
  const small = smallPng(rgbPng())
  expect(small.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n')
  expect(small.subarray(-12).toString('hex')).toBe('0000000049454e44ae426082')
})

function difference(one, other) {
  return Math.max(...[16, 8, 0].map((shift) => Math.abs(((one >> shift) & 255) - ((other >> shift) & 255))))
}
