/**
 * What the Dispatcher offers of endpoints and deliveries. A class below it only because calls from outside find methods
 * by class, and one file would be too long.
 */
import type { Env } from "../../deps.ts";
import type { HooksApi } from "../../domain/webhooks/hooks-api.ts";
import { deliver, listDeliveries, noteRefused, readKept } from "./deliveries.ts";
import { deleteDeliveryBlobs } from "./delivery-archive.ts";
import {
  createEndpoint,
  deleteEndpoint,
  hookRule,
  listenAtEndpoint,
  listEndpoints,
  readEndpoint,
  rotateAddress,
  rotateEndpointSecret,
  showAddress,
  updateEndpoint,
} from "./endpoints.ts";
import { GroupCommit } from "./group-commit.ts";
import { ScheduledObject } from "./schedules/scheduled-object.ts";
import { inTurn } from "./turns.ts";

export abstract class HookMethods extends ScheduledObject implements HooksApi {
  /** A field, which no caller of the object can reach. */
  protected readonly group: GroupCommit;
  /** A field too: its tables are gone; whatever still comes in finds nothing to act on. */
  protected isErased = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.group = new GroupCommit(this.shell);
  }

  async createEndpoint(command: Parameters<HooksApi["createEndpoint"]>[0]): ReturnType<HooksApi["createEndpoint"]> {
    return inTurn(this.shell, (turn) => createEndpoint(this.shell, turn, command));
  }

  async updateEndpoint(command: Parameters<HooksApi["updateEndpoint"]>[0]): ReturnType<HooksApi["updateEndpoint"]> {
    return inTurn(this.shell, (turn) => updateEndpoint(this.shell, turn, command));
  }

  async rotateEndpointSecret(
    command: Parameters<HooksApi["rotateEndpointSecret"]>[0],
  ): ReturnType<HooksApi["rotateEndpointSecret"]> {
    return inTurn(this.shell, (turn) => rotateEndpointSecret(this.shell, turn, command));
  }

  async deleteEndpoint(command: Parameters<HooksApi["deleteEndpoint"]>[0]): ReturnType<HooksApi["deleteEndpoint"]> {
    return inTurn(this.shell, (turn) => deleteEndpoint(this.shell, turn, command));
  }

  async rotateAddress(command: Parameters<HooksApi["rotateAddress"]>[0]): ReturnType<HooksApi["rotateAddress"]> {
    return inTurn(this.shell, (turn) => rotateAddress(this.shell, turn, command));
  }

  async showAddress(command: Parameters<HooksApi["showAddress"]>[0]): ReturnType<HooksApi["showAddress"]> {
    return inTurn(this.shell, (turn) => showAddress(this.shell, turn, command));
  }

  async listenAtEndpoint(
    command: Parameters<HooksApi["listenAtEndpoint"]>[0],
  ): ReturnType<HooksApi["listenAtEndpoint"]> {
    return inTurn(this.shell, (turn) => listenAtEndpoint(this.shell, turn, command));
  }

  async listEndpoints(): ReturnType<HooksApi["listEndpoints"]> {
    return listEndpoints(this.shell);
  }

  async getEndpoint(endpointId: string): ReturnType<HooksApi["getEndpoint"]> {
    return readEndpoint(this.shell, endpointId);
  }

  async hookRule(endpointId: string, hash?: string): ReturnType<HooksApi["hookRule"]> {
    return hookRule(this.shell, endpointId, hash);
  }

  async deliver(command: Parameters<HooksApi["deliver"]>[0]): ReturnType<HooksApi["deliver"]> {
    return this.group.call((turn) => deliver(this.shell, turn, command));
  }

  async noteRefused(arrivals: Parameters<HooksApi["noteRefused"]>[0]): Promise<void> {
    return this.group.call((turn) => noteRefused(this.shell, turn, arrivals));
  }

  async listDeliveries(ask: Parameters<HooksApi["listDeliveries"]>[0]): ReturnType<HooksApi["listDeliveries"]> {
    return listDeliveries(this.shell, ask);
  }

  async getDelivery(deliveryId: string): ReturnType<HooksApi["getDelivery"]> {
    return readKept(this.shell, deliveryId);
  }

  async deleteDeliveryBlobs(): Promise<void> {
    if (!this.isErased) {
      await deleteDeliveryBlobs(this.shell);
    }
  }
}
