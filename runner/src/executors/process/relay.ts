/**
 * The runtime API's socket in a job's own folder. The sidecar's lies in the runner's data folder, where the job's account
 * cannot go; what arrives here is passed on, byte by byte.
 */
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";

export class Relay {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(target: string) {
    this.server = createServer((near) => {
      const far = connect(target);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          this.sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    this.server.on("error", () => {});
  }

  async open(path: string): Promise<void> {
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(path, resolve);
    });
    // The folder above keeps everyone else out.
    chmodSync(path, 0o666);
  }

  close(): void {
    this.server.close(() => {});
    for (const socket of this.sockets) {
      socket.destroy();
    }
  }
}
