/**
 * Pictures of pages with 256 colours, less than half of the size: what they lose is a shade at the edges of letters. For what the browser writes:
 * PNG of 8 bits a channel, not interlaced.
 */
import { deflateSync, inflateSync } from 'node:zlib'

const signature = Buffer.from('89504e470d0a1a0a', 'hex')
const mostColours = 256
const [typeRgb, typeIndexed, typeRgba] = [2, 3, 6]

/** The same picture with the colours it has most of, or as it was where that is no smaller. @param png without transparency */
export function smallPng(png) {
  const small = indexed(png)
  return small.length < png.length ? small : png
}

function indexed(png) {
  const { width, height, pixels } = read(png)
  const palette = commonest(pixels)
  const places = new Map(palette.map((colour, place) => [colour, place]))
  const rows = Buffer.alloc((width + 1) * height)
  for (let at = 0; at < pixels.length; at += 1) {
    const colour = pixels[at]
    if (!places.has(colour)) places.set(colour, nearest(palette, colour))
    rows[at + Math.floor(at / width) + 1] = places.get(colour)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, typeIndexed, 0, 0, 0], 8)
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap(channels))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** Size and pixels of a PNG, each pixel as 0xRRGGBB. */
export function read(png) {
  const parts = chunksOf(png)
  const header = parts.find(({ name }) => name === 'IHDR').data
  const [width, height, type] = [header.readUInt32BE(0), header.readUInt32BE(4), header[9]]
  const bytes = { [typeRgb]: 3, [typeIndexed]: 1, [typeRgba]: 4 }[type]
  if (header[8] !== 8 || header[12] !== 0 || !bytes) throw new Error('a PNG of another kind')
  const rows = inflateSync(Buffer.concat(parts.filter(({ name }) => name === 'IDAT').map(({ data }) => data)))
  unfilter(rows, width * bytes, bytes)
  const palette = parts.find(({ name }) => name === 'PLTE')?.data
  const pixels = new Uint32Array(width * height)
  for (let at = 0; at < pixels.length; at += 1) {
    const from = at * bytes + Math.floor(at / width) + 1
    pixels[at] = type === typeIndexed ? palette.readUIntBE(rows[from] * 3, 3) : rows.readUIntBE(from, 3)
  }
  return { width, height, pixels }
}

function chunksOf(png) {
  const found = []
  for (let at = signature.length; at < png.length;) {
    const length = png.readUInt32BE(at)
    found.push({ name: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) })
    at += length + 12
  }
  return found
}

/** In place; each row has the number of its filter before it (PNG specification, 9.2). */
function unfilter(rows, length, bytes) {
  for (let start = 1; start < rows.length; start += length + 1) {
    const filter = rows[start - 1]
    for (let i = 0; i < length; i += 1) {
      const at = start + i
      const left = i < bytes ? 0 : rows[at - bytes]
      const up = start === 1 ? 0 : rows[at - length - 1]
      const upLeft = i < bytes || start === 1 ? 0 : rows[at - length - 1 - bytes]
      rows[at] += [0, left, up, (left + up) >> 1, paeth(left, up, upLeft)][filter]
    }
  }
}

function paeth(left, up, upLeft) {
  const guess = left + up - upLeft
  const [toLeft, toUp, toUpLeft] = [left, up, upLeft].map((each) => Math.abs(guess - each))
  if (toLeft <= toUp && toLeft <= toUpLeft) return left
  return toUp <= toUpLeft ? up : upLeft
}

function commonest(pixels) {
  const counts = new Map()
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1)
  const sorted = [...counts].sort(([, one], [, other]) => other - one)
  return sorted.slice(0, mostColours).map(([colour]) => colour)
}

function nearest(palette, colour) {
  const wanted = channels(colour)
  const distances = palette.map((each) =>
    channels(each).reduce((sum, value, i) => sum + (value - wanted[i]) ** 2, 0),
  )
  return distances.indexOf(Math.min(...distances))
}

function channels(colour) {
  return [colour >> 16, (colour >> 8) & 255, colour & 255]
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

/** As in the PNG specification, annex D. Node has one of its own from 22 on. */
function crc32(bytes) {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
