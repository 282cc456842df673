import { createServer } from "node:net";
import { LauncherError } from "./launcher-error.ts";

/** Throws a clear line when this address cannot be listened on. Port 0 always can. */
export function requireFreePort(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause: NodeJS.ErrnoException) => {
      reject(new LauncherError(explain(host, port, cause.code ?? cause.message), { cause }));
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}

function explain(host: string, port: number, code: string): string {
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} on ${host} is taken by another program. Choose another one with --port.`;
    case "EACCES":
      return `Port ${port} needs rights that this user does not have. Choose one above 1023 with --port.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${host} is not an address of this machine. Choose another one with --host.`;
    default:
      return `Cannot listen on ${host}, port ${port}: ${code}.`;
  }
}
