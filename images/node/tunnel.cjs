// Carries connections of this container to the runner over stdin and stdout, for an engine that shares no folder with it.
//
// A frame: u32 connection, u8 kind, u32 length, bytes; big-endian. Kinds: 0 ready (from here, once it listens) or a
// sign of life (from the runner); 1 open, with the door: 0 the runtime API, 1 the proxy; 2 data; 3 end; 4 reset;
// 5 credit, with a u32: so many bytes were passed on. A sender stops once WINDOW bytes are not passed on yet.
"use strict";
const net = require("node:net");

const [READY, OPEN, DATA, END, RESET, CREDIT] = [0, 1, 2, 3, 4, 5];
const PORTS = [8081, 3128];
const WINDOW = 65_536;
const MOST = 120;
const SILENCE_MS = 60_000;
const PORT_WITHIN_MS = 60_000;
const flows = new Map();
let next = 1;

function frame(id, kind, bytes = Buffer.alloc(0)) {
  const header = Buffer.alloc(9);
  header.writeUInt32BE(id, 0);
  header[4] = kind;
  header.writeUInt32BE(bytes.length, 5);
  process.stdout.write(bytes.length === 0 ? header : Buffer.concat([header, bytes]));
}

function accept(socket, door) {
  const id = next;
  next += 1;
  const flow = { socket, sent: 0, over: false };
  flows.set(id, flow);
  frame(id, OPEN, Buffer.from([door]));
  socket.on("data", (chunk) => {
    flow.sent += chunk.length;
    frame(id, DATA, chunk);
    if (flow.sent >= WINDOW) {
      socket.pause();
    }
  });
  socket.on("end", () => frame(id, END));
  socket.on("error", () => {});
  socket.on("close", (failed) => {
    flows.delete(id);
    if (failed && !flow.over) {
      frame(id, RESET);
    }
  });
}

function take(id, kind, bytes) {
  const flow = flows.get(id);
  if (flow === undefined) {
    return;
  }
  const { socket } = flow;
  if (kind === DATA) {
    socket.write(bytes, (error) => {
      if (!error) {
        const count = Buffer.alloc(4);
        count.writeUInt32BE(bytes.length);
        frame(id, CREDIT, count);
      }
    });
  } else if (kind === CREDIT) {
    flow.sent -= bytes.readUInt32BE(0);
    if (flow.sent < WINDOW && socket.isPaused()) {
      socket.resume();
    }
  } else if (kind === END) {
    socket.end();
  } else if (kind === RESET) {
    flow.over = true;
    socket.resetAndDestroy();
  }
}

/** The program of an earlier runner lets go of the port when it notices that it is gone. */
function listen(port, door) {
  return new Promise((resolve) => {
    const until = performance.now() + PORT_WITHIN_MS;
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => accept(socket, door));
    server.maxConnections = MOST;
    const bind = () => server.listen(port, "127.0.0.1");
    server.on("listening", resolve);
    server.on("error", (error) => {
      if (error.code !== "EADDRINUSE" || performance.now() > until) {
        process.stderr.write(`port ${port}: ${error.message}\n`);
        process.exit(1);
      }
      setTimeout(bind, 50);
    });
    bind();
  });
}

async function main() {
  let received = Buffer.alloc(0);
  const silent = setTimeout(() => process.exit(0), SILENCE_MS);
  process.stdin.on("end", () => process.exit(0));
  process.stdin.on("error", () => process.exit(0));
  process.stdout.on("error", () => process.exit(0));
  process.stdin.on("data", (chunk) => {
    silent.refresh();
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    let at = 0;
    while (received.length - at >= 9) {
      const length = received.readUInt32BE(at + 5);
      if (received.length - at < 9 + length) {
        break;
      }
      take(received.readUInt32BE(at), received[at + 4], received.subarray(at + 9, at + 9 + length));
      at += 9 + length;
    }
    received = received.subarray(at);
  });
  await Promise.all(PORTS.map(listen));
  frame(0, READY);
}

void main();
