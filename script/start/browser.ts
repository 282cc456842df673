import { spawn } from "node:child_process";

/** Opens the address in the desktop's browser. Does nothing without a terminal and a desktop, as over SSH. */
export function openBrowser(url: string): void {
  const hasDesktop =
    process.platform === "darwin" || (process.env["DISPLAY"] ?? process.env["WAYLAND_DISPLAY"] ?? "") !== "";
  const isRemote = process.env["SSH_CONNECTION"] !== undefined;
  if (!process.stderr.isTTY || !hasDesktop || isRemote) {
    return;
  }
  const program = process.platform === "darwin" ? "open" : "xdg-open";
  const child = spawn(program, [url], { detached: true, stdio: "ignore" });
  // The address is printed in any case.
  child.on("error", () => undefined);
  child.unref();
}
