/** Checksums as the files have them: CRC-32 (that of zlib), eight hex digits. */

export function formatChecksum(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}

/** Dual of {@link formatChecksum}, from the bytes at `at`; NaN where they are no checksum. */
export function parseChecksum(bytes: Uint8Array, at: number): number {
  let checksum = 0;
  for (let index = at; index < at + 8; index++) {
    checksum = checksum * 16 + (DIGITS[bytes[index] ?? 0] ?? NaN);
  }
  return checksum;
}

/** The value of each byte that is a hex digit, in lower case as we write it; NaN for the others. */
const DIGITS = Float64Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return /[0-9a-f]/.test(char) ? parseInt(char, 16) : NaN;
});
