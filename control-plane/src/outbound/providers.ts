/** Requests to identity providers: where they lead is for the operator to say, and in part for the provider. */
import { type AskProvider, ProviderError } from "../domain/provider-request.ts";
import { guardedFetch, type OutboundDeps } from "./guarded-fetch.ts";

const DEADLINE_MS = 15_000;

export function providerRequests(outbound: OutboundDeps): AskProvider {
  return async (text, { method = "GET", headers = {}, body } = {}) => {
    const where = URL.canParse(text) ? new URL(text).host + new URL(text).pathname : "an address that is none";
    const result = await guardedFetch(outbound, {
      url: text,
      method,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" }),
      },
      ...(body === undefined ? {} : { body: body.toString() }),
      timeoutMs: DEADLINE_MS,
    });
    if (!result.ok) {
      throw new ProviderError(`${where} cannot be used: ${result.reason}: ${result.message}`);
    }
    if (result.status < 200 || result.status > 299) {
      throw new ProviderError(`${where} answered ${result.status}`);
    }
    try {
      return JSON.parse(new TextDecoder().decode(result.body)) as unknown;
    } catch (cause) {
      throw new ProviderError(`${where} answered with what is no JSON`, { cause });
    }
  };
}
