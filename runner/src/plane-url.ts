/** Addresses of the control plane's runner API, from its base address. */

/** `https://plane.example/base` and `runner/register` make `https://plane.example/base/api/v1/runner/register`. */
export function apiUrl(base: string, path: string): URL {
  return new URL(`api/v1/${path}`, base.endsWith("/") ? base : `${base}/`);
}

/** The same as a WebSocket address. */
export function socketUrl(base: string, path: string): URL {
  const url = apiUrl(base, path);
  url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  return url;
}
