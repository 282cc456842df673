import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { type Plugin, type UserConfig, defineConfig } from "vite";

/** Fonts that every page draws with; asked for before the style sheet that names them has arrived. */
const PRELOADED = ["ibm-plex-sans-latin-wght-normal", "ibm-plex-mono-latin-400-normal"];

function preloadFonts(): Plugin {
  return {
    name: "cronium-preload-fonts",
    transformIndexHtml: {
      order: "post",
      handler(_html, context) {
        return Object.keys(context.bundle ?? {})
          .filter((file) => file.endsWith(".woff2") && PRELOADED.some((name) => file.includes(name)))
          .map((file) => ({
            tag: "link",
            attrs: { rel: "preload", href: `/${file}`, as: "font", type: "font/woff2", crossorigin: "" },
            injectTo: "head" as const,
          }));
      },
    },
  };
}

export default defineConfig(({ command }) => {
  if (command === "build") {
    // A build started from a test run inherits NODE_ENV=test, which would bundle React's development half.
    process.env["NODE_ENV"] = "production";
  }
  return settings;
});

const settings: UserConfig = {
  root: import.meta.dirname,
  plugins: [react(), tailwindcss(), preloadFonts()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // Fonts and icons stay files: the content security policy allows no data: fonts.
    assetsInlineLimit: 0,
    target: "es2023",
    sourcemap: false,
  },
  server: {
    proxy:
      process.env["CRONIUM_DEV_API"] === undefined
        ? {}
        : { "/api": { target: process.env["CRONIUM_DEV_API"], ws: true, changeOrigin: false } },
  },
};
