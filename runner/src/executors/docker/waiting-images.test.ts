import { test } from "vitest";
import { WaitingImages } from "./waiting-images.ts";

const of = (image: string, pull: "missing" | "always" | "never" = "missing") => ({ image: { image, pull } });

test("containers wait in an image that a job has found here, until one of them does not start", ({ expect }) => {
  const images = new WaitingImages();
  expect(images.mayWait({ image: null })).toBe(true);
  expect(images.mayWait(of("team/app:1"))).toBe(false);
  images.found("team/app:1");
  expect(images.mayWait(of("team/app:1"))).toBe(true);
  expect(images.mayWait(of("team/app:1", "never"))).toBe(true);
  expect(images.mayWait(of("team/app:1", "always"))).toBe(false);
  images.lost(of("team/app:1"));
  expect(images.mayWait(of("team/app:1"))).toBe(false);
});

test("none wait in an image whose name may mean another one, and none are pulled for", ({ expect }) => {
  const images = new WaitingImages();
  const digest = `team/app@sha256:${"a".repeat(64)}`;
  for (const image of ["team/app", "team/app:latest", digest]) {
    images.found(image);
  }
  expect(["team/app", "team/app:latest", digest].map((image) => images.mayWait(of(image)))).toEqual([
    false,
    false,
    true,
  ]);
  expect(images.withoutPull(of(digest))).toEqual(of(digest, "never"));
  expect(images.withoutPull({ image: null })).toEqual({ image: null });
});
