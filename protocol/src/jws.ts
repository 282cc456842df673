/**
 * The one spelling of a signed token (JWS, compact form). Parsers of base64url forgive padding, other alphabets and bits
 * that are left over, so that one token has many spellings; whoever checks a token takes this one alone.
 */
const PART = "(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?";
const COMPACT = new RegExp(`^${PART}\\.${PART}\\.${PART}$`);

/** Whether `text` is three parts in canonical base64url (RFC 4648, section 5, without padding and left-over bits). */
export function isCanonicalJws(text: string): boolean {
  return COMPACT.test(text);
}
