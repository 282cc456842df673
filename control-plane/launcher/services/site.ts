/**
 * The ASSETS binding on raw workerd: the built dashboard from a folder, with content types, validators and the
 * dashboard's page for every address that is no file, as Workers assets do with `single-page-application`.
 *
 * workerd's disk service answers a folder with a listing of it in JSON; files are `application/octet-stream`. Only
 * those are passed on.
 */
interface Env {
  readonly FILES: Fetcher;
}

const contentTypes: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  map: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  tgz: "application/gzip",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
  webmanifest: "application/manifest+json",
  webp: "image/webp",
  woff2: "font/woff2",
};

/** Names as the build makes them: no dot files, nothing to climb with. */
const FILE_PATH = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/;

async function readFile(env: Env, path: string, method: string): Promise<Response | null> {
  if (!FILE_PATH.test(path)) {
    return null;
  }
  const file = await env.FILES.fetch(`http://files${path}`, { method });
  const isFile = file.ok && file.headers.get("content-type") === "application/octet-stream";
  if (!isFile) {
    await file.body?.cancel();
    return null;
  }
  return file;
}

// oxlint-disable-next-line import/no-default-export -- workerd calls the module's default export
export default {
  async fetch(request, env) {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    }
    const asked = new URL(request.url).pathname;
    let path = asked;
    let file = asked === "/" ? null : await readFile(env, asked, request.method);
    if (file === null) {
      path = "/index.html";
      file = await readFile(env, path, request.method);
    }
    if (file === null) {
      return new Response("The dashboard is not built.", {
        status: 404,
        headers: { "content-type": "text/plain; charset=utf-8" },
      });
    }
    const size = file.headers.get("content-length") ?? "0";
    const etag = `W/"${size}-${Date.parse(file.headers.get("last-modified") ?? "") || 0}"`;
    const headers = {
      "content-type": contentTypes[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream",
      etag,
    };
    if (request.headers.get("if-none-match") === etag) {
      await file.body?.cancel();
      return new Response(null, { status: 304, headers });
    }
    return new Response(file.body, { headers: { ...headers, "content-length": size } });
  },
} satisfies ExportedHandler<Env>;
