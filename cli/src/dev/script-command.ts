/** How a script is started on this machine, with the SDK that comes with this program. */
import { existsSync } from "node:fs";
import { delimiter, extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ExitError } from "../base/exit-error.ts";

export interface ScriptCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Beside the bundle, or, in a checkout, among the sources. */
function sdkFolder(): { readonly python: string; readonly node: string; readonly bash: string } {
  const shipped = join(import.meta.dirname, "sdk");
  const folder = existsSync(shipped) ? shipped : join(import.meta.dirname, "../../../runtime-sdk");
  return {
    python: join(folder, "python"),
    node: existsSync(shipped) ? join(folder, "node/index.js") : join(folder, "node/src/index.ts"),
    bash: join(folder, "bash/cronium.sh"),
  };
}

/** By the end of the file's name, as the images do it: Python, Node or Bash. */
export function scriptCommand(script: string, env: Readonly<Record<string, string | undefined>>): ScriptCommand {
  const sdk = sdkFolder();
  switch (extname(script).toLowerCase()) {
    case ".py": {
      const path = [sdk.python, ...(env["PYTHONPATH"] ? [env["PYTHONPATH"]] : [])].join(delimiter);
      const own = { PYTHONPATH: path, PYTHONUNBUFFERED: "1" };
      return { program: process.platform === "win32" ? "python" : "python3", args: [script], env: own };
    }
    case ".ts":
    case ".mts":
    case ".js":
    case ".mjs":
    case ".cjs":
      return { program: process.execPath, args: ["--import", sdkHook(sdk.node), script], env: {} };
    case ".sh":
    case ".bash":
      return { program: "bash", args: [script], env: { BASH_ENV: sdk.bash } };
    default:
      throw new ExitError(
        "usage",
        `${script} is neither Python, Node nor Bash by its name.`,
        "Give a file that ends in .py, .ts, .js, .mjs, .cjs or .sh.",
      );
  }
}

/** `@cronium/sdk` means the shipped one, by import and by require. */
function sdkHook(file: string): string {
  const url = JSON.stringify(pathToFileURL(file).href);
  const code =
    'import { registerHooks } from "node:module";' +
    "registerHooks({ resolve: (name, context, next) =>" +
    ` name === "@cronium/sdk" ? { url: ${url}, shortCircuit: true } : next(name, context) });`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
