/** What is worth a word about an event that is stored all the same. Pure. */
import type { Event, EventNotice } from "@cronium/protocol";
import { isMutableImage } from "@cronium/protocol/image-reference";

export function eventNotices({ container }: Pick<Event, "container">): EventNotice[] {
  const image = container?.image ?? null;
  if (image === null || !isMutableImage(image)) {
    return [];
  }
  const message = `Another image may stand under ${image} tomorrow. A fixed tag or a digest never changes.`;
  return [{ code: "mutable_image", pointer: "/container/image", message }];
}
