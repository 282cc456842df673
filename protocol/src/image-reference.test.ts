import { test } from "vitest";
import { isImageReference, isMutableImage } from "./image-reference.ts";

const DIGEST = `sha256:${"a1".repeat(32)}`;

test.for([
  "cronium/bash:919036c443ae",
  "python",
  "python:3.13-slim",
  "registry.example.org:5000/team/app:1.2.3",
  `ghcr.io/team/app@${DIGEST}`,
  `team/app:1.2@${DIGEST}`,
  "a__b/c-d.e",
])("B19 %s is an image", (reference, { expect }) => {
  expect(isImageReference(reference)).toBe(true);
});

test.for([
  "",
  " ",
  "-v /:/x",
  "--privileged",
  "img;rm",
  "img && rm -rf /",
  "img$(id)",
  "img\nrm",
  "img:",
  "img:-x",
  "img:a b",
  "img:tag:tag",
  "Img",
  "/img",
  "img/",
  "a//b",
  "../img",
  "img@sha256:12",
  `img@sha256:${"A1".repeat(32)}`,
  `img@md5:${"a".repeat(32)}`,
  `img@${DIGEST}0`,
  `img:${"t".repeat(129)}`,
  `${"a/".repeat(200)}b`,
  "a-".repeat(100_000),
  "image\0",
  "ímg",
])("B19 %j is none", (reference, { expect }) => {
  expect(isImageReference(reference)).toBe(false);
});

test("B19 tags that move are told from those that stay", ({ expect }) => {
  expect(["img", "img:latest", "h:5000/img", "img:LATEST", "img:main"].filter((one) => !isMutableImage(one))).toEqual(
    [],
  );
  expect(["img:1.2", `img@${DIGEST}`, `img:latest@${DIGEST}`].filter(isMutableImage)).toEqual([]);
});
