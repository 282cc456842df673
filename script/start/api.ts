/** Calls to the API of the control plane that was just started, with the key of this machine. */
export interface ApiAccess {
  readonly url: string;
  readonly apiKey: string;
}

/** Rejects with the problem's own words when the API refuses. */
export async function callApi<T>(
  access: ApiAccess,
  method: "GET" | "POST",
  path: string,
  options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<T> {
  const response = await fetch(`${access.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${access.apiKey}`,
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path} was refused with status ${response.status}: ${detail(text)}`);
  }
  return JSON.parse(text) as T;
}

function detail(text: string): string {
  try {
    const problem = JSON.parse(text) as { readonly detail?: string; readonly errors?: unknown };
    return `${problem.detail ?? text} ${JSON.stringify(problem.errors ?? [])}`;
  } catch {
    return text.slice(0, 500);
  }
}
