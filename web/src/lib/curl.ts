/** Commands that do through the API what the page does, ready to paste into a shell. */

/** `path` is an API path; the key is left to the reader's environment. */
export function curlPost(origin: string, path: string, body: unknown): string {
  return [
    `curl -X POST ${origin}${path}`,
    '-H "Authorization: Bearer $CRONIUM_API_KEY"',
    '-H "Content-Type: application/json"',
    `-d ${shellQuote(JSON.stringify(body))}`,
  ].join(" \\\n  ");
}

export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
