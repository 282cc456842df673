/** Ends what hangs, on a busy machine too. */
const WITHIN_MS = 90_000;

/** Messages of a socket in order, awaited one by one, so that tests never guess when one arrives. */
export interface Inbox {
  readonly socket: WebSocket;
  /** The next JSON text that the filter accepts; others before it are kept for later. Fails after 90 seconds. */
  text<T extends { type: string }>(type: T["type"], filter?: (message: T) => boolean): Promise<T>;
  /** The next JSON text of any type that the filter accepts. */
  json<T extends { type: string }>(filter: (message: T) => boolean, what: string): Promise<T>;
  /** The next binary message. */
  binary(): Promise<Uint8Array>;
  /** Everything that has arrived and was not taken. */
  readonly waiting: readonly (string | Uint8Array)[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export function openInbox(response: Response): Inbox {
  const socket = response.webSocket;
  if (socket === null) {
    throw new Error(`expected an upgrade, got ${response.status}`);
  }
  const inbox = inboxOf(socket);
  socket.accept();
  return inbox;
}

/** Of anything that sends, closes and fires the events of a socket. */
export function inboxOf(socket: WebSocket): Inbox {
  const messages: (string | Uint8Array)[] = [];
  const wakers = new Set<() => void>();
  const wake = (): void => {
    for (const waker of wakers) {
      waker();
    }
  };
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => {
      resolve({ code, reason });
      wake();
    });
  });
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    if (data !== "pong") {
      messages.push(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
      wake();
    }
  });
  const take = async <T>(find: (message: string | Uint8Array) => T | undefined, what: string): Promise<T> => {
    const deadline = Date.now() + WITHIN_MS;
    for (;;) {
      for (const [index, message] of messages.entries()) {
        const found = find(message);
        if (found !== undefined) {
          messages.splice(index, 1);
          return found;
        }
      }
      const left = deadline - Date.now();
      if (left <= 0) {
        const seen = messages.map((one) => (typeof one === "string" ? one.slice(0, 200) : `${one.length} bytes`));
        throw new Error(`${what} did not arrive within ${WITHIN_MS / 1_000} s; waiting: ${seen.join(" | ")}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, left);
        function done(): void {
          clearTimeout(timer);
          wakers.delete(done);
          resolve();
        }
        wakers.add(done);
      });
    }
  };
  return {
    socket,
    waiting: messages,
    closed,
    text: <T extends { type: string }>(type: T["type"], filter: (message: T) => boolean = () => true) =>
      take((message) => {
        if (typeof message !== "string") {
          return undefined;
        }
        const json = JSON.parse(message) as T;
        return json.type === type && filter(json) ? json : undefined;
      }, `a ${type}`),
    json: <T extends { type: string }>(filter: (message: T) => boolean, what: string) =>
      take((message) => {
        const json = typeof message === "string" ? (JSON.parse(message) as T) : null;
        return json !== null && filter(json) ? json : undefined;
      }, what),
    binary: () => take((message) => (typeof message === "string" ? undefined : message), "a binary message"),
  };
}
