/** A network that misbehaves on demand: a TCP proxy on loopback in front of the control plane. */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

export interface Faults {
  /** What a side sends is held back until `heal`, as TCP does while a cable is pulled; connections stay open. */
  holdFromServer: boolean;
  holdFromClient: boolean;
  /** Each byte arrives this much later. */
  delayMs: number;
  /** Connections without a byte in either direction for this long are cut; 0: never. */
  idleMs: number;
  /** New connections are cut at once. */
  refuse: boolean;
  /** What a request to become a WebSocket is answered with; null passes it on. */
  refuseUpgrade: number | null;
  /**
   * What becomes of a request to become a WebSocket: it passes; its Upgrade header is taken out; its connection is cut;
   * or it succeeds and no byte follows. Anything else passes.
   */
  upgrades: "pass" | "strip" | "cut" | "mute";
}

export interface TcpProxy {
  readonly url: string;
  readonly faults: Faults;
  /** Connections made so far. */
  readonly connections: number;
  /** Connections cut for being idle. */
  readonly idleCuts: number;
  /** Requests to become a WebSocket that were kept from it by `upgrades`. */
  readonly blockedUpgrades: number;
  /** Cuts every open connection. */
  cut(): void;
  /** Everything passes again. */
  heal(): void;
  close(): Promise<void>;
}

/** What every network does here that is not told otherwise; `over-polling.ts` changes it. */
export const NO_FAULTS: Faults = {
  holdFromServer: false,
  holdFromClient: false,
  delayMs: 0,
  idleMs: 0,
  refuse: false,
  refuseUpgrade: null,
  upgrades: "pass",
};

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const faults: Faults = { ...NO_FAULTS };
  const open = new Set<Socket>();
  let held: (() => void)[] = [];
  const count = { connections: 0, idleCuts: 0, upgrades: 0 };
  const server: Server = createServer((client) => {
    count.connections += 1;
    if (faults.refuse) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    let idle: NodeJS.Timeout | null = null;
    let mute: "no" | "after the answer" | "now" = "no";
    const end = (): void => {
      clearTimeout(idle ?? undefined);
      for (const socket of [client, upstream]) {
        socket.destroy();
      }
    };
    const closed = (side: Socket, other: Socket, isHeld: boolean): void => {
      open.delete(side);
      // A goodbye is held back like everything else.
      if (isHeld) {
        held.push(() => other.destroy());
      } else {
        other.destroy();
      }
    };
    const stir = (): void => {
      clearTimeout(idle ?? undefined);
      if (faults.idleMs > 0) {
        idle = setTimeout(() => {
          count.idleCuts += 1;
          end();
        }, faults.idleMs);
      }
    };
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true);
      // `close` follows.
      socket.on("error", () => {});
    }
    client.on("close", () => closed(client, upstream, faults.holdFromClient));
    upstream.on("close", () => closed(upstream, client, faults.holdFromServer));
    const pass = (to: Socket, bytes: Buffer): void => {
      if (to === client ? faults.holdFromServer : faults.holdFromClient) {
        held.push(() => to.writable && to.write(bytes));
      } else if (faults.delayMs === 0) {
        to.write(bytes);
      } else {
        setTimeout(() => to.writable && to.write(bytes), faults.delayMs);
      }
    };
    client.on("data", (bytes) => {
      stir();
      if (faults.refuseUpgrade !== null && /^upgrade: *websocket/im.test(bytes.toString("latin1"))) {
        client.end(`HTTP/1.1 ${faults.refuseUpgrade} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
        return;
      }
      if (faults.upgrades !== "pass" && /^upgrade: *websocket/im.test(bytes.toString("latin1"))) {
        count.upgrades += 1;
        if (faults.upgrades === "cut") {
          end();
          return;
        }
        if (faults.upgrades === "strip") {
          const text = bytes.toString("latin1").replaceAll(/^(upgrade|connection|sec-websocket-[a-z-]+):.*\r\n/gim, "");
          pass(upstream, Buffer.from(text, "latin1"));
          return;
        }
        mute = "after the answer";
      }
      if (mute === "now") {
        return;
      }
      pass(upstream, bytes);
    });
    upstream.on("data", (bytes) => {
      stir();
      if (mute === "now") {
        return;
      }
      if (mute === "after the answer") {
        mute = "now";
        const headers = bytes.indexOf("\r\n\r\n");
        pass(client, headers < 0 ? bytes : bytes.subarray(0, headers + 4));
        return;
      }
      pass(client, bytes);
    });
    stir();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of open) {
      socket.destroy();
    }
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    get connections() {
      return count.connections;
    },
    get idleCuts() {
      return count.idleCuts;
    },
    get blockedUpgrades() {
      return count.upgrades;
    },
    cut,
    heal: () => {
      Object.assign(faults, NO_FAULTS);
      const waiting = held;
      held = [];
      for (const send of waiting) {
        send();
      }
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
