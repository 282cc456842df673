/** Questions about Docker for `doctor` and `images`, outside a running runner. */
import type Docker from "dockerode";
import { type Runtime, runtimes } from "@cronium/protocol";
import { engineFacts } from "./engine-facts.ts";
import { hasImage } from "./image-shelf.ts";
import { type ImageFiles, loadImageTable } from "./images.ts";

export interface ImageState {
  readonly runtime: Runtime;
  readonly tag: string;
  readonly here: boolean;
}

export function probe(docker: Docker, files: ImageFiles) {
  return {
    facts: () => engineFacts(docker),
    images: async (): Promise<ImageState[]> => {
      const table = await loadImageTable(files);
      return Promise.all(
        runtimes.flatMap((runtime) => {
          const tag = table[runtime];
          return tag === undefined ? [] : [hasImage(docker, tag).then((here) => ({ runtime, tag, here }))];
        }),
      );
    },
  };
}
