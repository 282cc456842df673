/** SHA-256 of a whole token, as 64 hex digits: the only form in which tokens are stored. Tokens hold 256 random bits, so
 * a plain hash suffices. */
export async function hashToken(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
