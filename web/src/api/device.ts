import type { ApproveDeviceLogin, DeviceLogin, DeviceLoginDecided } from "@cronium/protocol/api/device";
import { apiPaths } from "../lib/paths.ts";
import { request } from "./http.ts";

/** What waits under a code. A POST, because wrong codes are counted. */
export function findDeviceLogin(userCode: string): Promise<DeviceLogin> {
  return request<DeviceLogin>(apiPaths.device("lookup"), { method: "POST", body: { userCode } });
}

export function approveDeviceLogin(input: ApproveDeviceLogin): Promise<DeviceLoginDecided> {
  return request<DeviceLoginDecided>(apiPaths.device("approve"), { method: "POST", body: input });
}

export function denyDeviceLogin(userCode: string): Promise<DeviceLoginDecided> {
  return request<DeviceLoginDecided>(apiPaths.device("deny"), { method: "POST", body: { userCode } });
}
