// Draws icon.png, 128 by 128: layers of slate, the upper ones slid aside.
import { writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";

const size = 128;
const fine = 4; // samples a side of each pixel

const slabs = [
  { y: 84, shift: 0, colour: [0x4b, 0x5a, 0x6e] },
  { y: 66, shift: 0, colour: [0x6b, 0x7d, 0x94] },
  { y: 48, shift: 0, colour: [0x9a, 0xab, 0xbf] },
  { y: 30, shift: 10, colour: [0x4f, 0xc3, 0xa1] },
];

function colourAt(x, y) {
  if (!rounded(x, y, 0, 0, size, size, 26)) return [0, 0, 0, 0];
  let out = [0x1f, 0x27, 0x33, 255];
  for (const s of slabs) {
    const top = inDiamond(x, y, 64 + s.shift, s.y + 8);
    const side = !top && inDiamond(x, y - 8, 64 + s.shift, s.y + 8);
    if (side) out = [...s.colour.map((c) => Math.round(c * 0.72)), 255];
    if (top) out = [...s.colour, 255];
  }
  return out;
}

function inDiamond(x, y, cx, cy) {
  return Math.abs(x - cx) / 42 + Math.abs(y - cy) / 21 <= 1;
}

function rounded(x, y, left, top, right, bottom, r) {
  const dx = Math.max(left + r - x, 0, x - (right - r));
  const dy = Math.max(top + r - y, 0, y - (bottom - r));
  return dx * dx + dy * dy <= r * r;
}

const rows = [];
for (let y = 0; y < size; y++) {
  const row = [0];
  for (let x = 0; x < size; x++) {
    const sum = [0, 0, 0, 0];
    for (let j = 0; j < fine; j++) {
      for (let i = 0; i < fine; i++) {
        const [r, g, b, a] = colourAt(x + (i + 0.5) / fine, y + (j + 0.5) / fine);
        sum[0] += r * a;
        sum[1] += g * a;
        sum[2] += b * a;
        sum[3] += a;
      }
    }
    const a = sum[3];
    row.push(...sum.slice(0, 3).map((c) => (a === 0 ? 0 : Math.round(c / a))), Math.round(a / (fine * fine)));
  }
  rows.push(Buffer.from(row));
}

function crc(bytes) {
  let c = ~0;
  for (const b of bytes) {
    c ^= b;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return ~c >>> 0;
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(crc(body));
  return Buffer.concat([head, body, tail]);
}

const header = Buffer.alloc(13);
header.writeUInt32BE(size, 0);
header.writeUInt32BE(size, 4);
header.set([8, 6, 0, 0, 0], 8); // 8 bits, red green blue alpha
writeFileSync(
  new URL("../icon.png", import.meta.url),
  Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.concat(rows), { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]),
);
