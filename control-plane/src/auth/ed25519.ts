/** Signatures of runners: Ed25519 (RFC 8032), by the runtime's own WebCrypto. */

/** `publicKey` (32 bytes) and `signature` (64 bytes) as base64url; whatever is none of either is no signature. */
export async function isSignatureOf(
  publicKey: string,
  signature: string,
  message: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const raw = fromBase64url(publicKey);
  const bytes = fromBase64url(signature);
  if (raw === null || bytes === null) {
    return false;
  }
  try {
    const key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, bytes, message);
  } catch {
    return false;
  }
}

function fromBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) {
    return null;
  }
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
