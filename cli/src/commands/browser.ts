/** A page in the person's browser; where there is none, the address that was printed has to do. */
import { spawn } from "node:child_process";

export function openInBrowser(url: string): void {
  const [program, args] =
    process.platform === "darwin"
      ? (["open", [url]] as const)
      : process.platform === "win32"
        ? (["rundll32", ["url.dll,FileProtocolHandler", url]] as const)
        : (["xdg-open", [url]] as const);
  const child = spawn(program, args, { stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}
