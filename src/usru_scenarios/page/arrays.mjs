// Typed arrays from the bytes that a page carries.

const KINDS = { uint8: Uint8Array, uint16: Uint16Array, float32: Float32Array };

/** What the page carries: {about, arrays}, from base64 of gzip of (4 bytes of length, JSON, arrays). */
export async function carriedData(text) {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return splitData(await new Response(stream).arrayBuffer());
}

/** The two parts of the unpacked bytes. */
export function splitData(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { about, arrays: buffer.slice(4 + length) };
}

/** The typed array at a place. */
export function arrayAt(arrays, place) {
  return new KINDS[place.kind](arrays, place.at, place.count);
}
