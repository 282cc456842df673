/** Addresses that are sockets answer nothing else. */
import { AppError } from "@cronium/protocol/errors";
import type { Context } from "hono";
import type { AppEnv } from "../context.ts";

export function requireUpgrade(c: Context<AppEnv>): void {
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    throw new AppError("invalid_value", `${c.req.path} is a WebSocket; connect to it with one.`, {
      errors: [{ pointer: "header.upgrade", code: "invalid_value", message: 'must be "websocket"' }],
    });
  }
}

/** Sockets of programs: a cookie means that a browser was led here. */
export function refuseCookies(c: Context<AppEnv>): void {
  if (c.req.header("cookie") !== undefined || c.req.header("origin") !== undefined) {
    throw new AppError("forbidden", "Runners connect without cookies and without an Origin; this came from a browser.");
  }
}
