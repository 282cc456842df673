/**
 * Passwords are kept as scrypt (N = 2^14, r = 16, p = 1: 32 MiB and about 40 ms of one core) of their NFKC form, stored
 * as `<salt hex>:<key hex>`.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

const COST = { N: 16_384, r: 16, p: 1, maxmem: 64 * 1_024 * 1_024 };
const KEY_BYTES = 64;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt);
  return `${salt.toString("hex")}:${key.toString("hex")}`;
}

export async function verifyPassword(input: { readonly hash: string; readonly password: string }): Promise<boolean> {
  const [salt = "", key = ""] = input.hash.split(":");
  const expected = Buffer.from(key, "hex");
  const actual = await derive(input.password, Buffer.from(salt, "hex"));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, KEY_BYTES, COST, (error, key) => {
      if (error === null) {
        resolve(key);
      } else {
        reject(error);
      }
    });
  });
}
