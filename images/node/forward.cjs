// Leads connections on 127.0.0.1 to the runner's proxy, for a job that may reach some hosts: its container has no
// network, HTTP_PROXY names this address, and the proxy's socket is mounted. Says "." once it listens.
"use strict";
const net = require("node:net");
const { pipeline } = require("node:stream");

const [port, proxy] = process.argv.slice(2);
const ignore = () => {};

net
  .createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ path: proxy, allowHalfOpen: true });
    pipeline(near, far, ignore);
    pipeline(far, near, ignore);
  })
  .listen(Number(port), "127.0.0.1", () => process.stdout.write("."));
process.stdout.on("error", ignore);
