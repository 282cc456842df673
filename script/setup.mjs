/**
 * The first program of every npm script: `node script/setup.mjs <command> [args]`.
 *
 * A newcomer has the system's Node alone, and perhaps an old one. This file therefore uses built-in
 * modules and old syntax only. It installs the packages when they are absent or stale, one of which
 * is the pinned Node, and hands over to that Node with the command's program. When nothing is to be
 * done it reads two files and starts the command.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const OLDEST_NODE = 18;
const PROGRAMS = {
  start: "script/start.ts",
  dev: "script/dev.ts",
  build: "script/build.ts",
  check: "script/check.ts",
  fix: "script/fix.ts",
  test: "script/test.ts",
  bench: "bench/src/main.ts",
  "db-generate": "script/db-generate.ts",
  images: "script/images.ts",
};
/** A slow step says every so often that it is still alive. */
const STILL_BUSY_EVERY_MS = 10000;
const LAST_LINES = 20;
const SAME_SIGNAL_MS = 1000;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const stampFile = path.join(root, "node_modules", ".cronium-lock");
const nodeBinary = path.join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");

function say(line) {
  process.stderr.write(line + "\n");
}

function fail(line) {
  say(line);
  process.exit(1);
}

function lastLines(text) {
  return text.trim().split("\n").slice(-LAST_LINES).join("\n");
}

function lockHash() {
  return createHash("sha256")
    .update(fs.readFileSync(path.join(root, "package-lock.json")))
    .digest("hex");
}

function isInstalled(hash) {
  try {
    return fs.readFileSync(stampFile, "utf8").trim() === hash && fs.existsSync(nodeBinary);
  } catch (missing) {
    if (missing.code === "ENOENT") {
      return false;
    }
    throw missing;
  }
}

/** Where npm's own program lies, or undefined when only a command named npm is known. */
function npmProgram() {
  // Inside an npm script, npm names its own program: that works where `npm` is not on the PATH.
  const named = process.env.npm_execpath;
  if (typeof named === "string" && /npm-cli\.[cm]?js$/.test(named)) {
    return named;
  }
  const folders = (process.env.PATH || "").split(path.delimiter);
  for (let i = 0; i < folders.length; i += 1) {
    try {
      const real = fs.realpathSync(path.join(folders[i], "npm"));
      if (/npm-cli\.[cm]?js$/.test(real)) {
        return real;
      }
    } catch (absent) {
      if (absent.code !== "ENOENT" && absent.code !== "ENOTDIR") {
        throw absent;
      }
    }
  }
  return undefined;
}

/** Runs one npm command on the given Node; resolves with its exit code and all it printed. */
function npm(node, args) {
  const own = npmProgram();
  const program = own === undefined ? (process.platform === "win32" ? "npm.cmd" : "npm") : node;
  const env = Object.assign({}, process.env, {
    PATH: [path.dirname(node), process.env.PATH || ""].join(path.delimiter),
  });
  const child = spawn(program, own === undefined ? args : [own].concat(args), {
    cwd: root,
    env: env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise(function (resolve) {
    let output = "";
    const collect = function (chunk) {
      output += chunk;
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", function (error) {
      resolve({ code: 1, output: "npm cannot be started: " + error.message });
    });
    child.on("close", function (code) {
      resolve({ code: code === null ? 1 : code, output: output });
    });
  });
}

// Dev dependencies are the tools themselves, and the package `node` installs its binary by script:
// both are asked for by name, whatever the user's npm configuration says.
const FLAGS = ["--include=dev", "--include=optional", "--ignore-scripts=false"];
const QUIET = ["--loglevel=error", "--no-audit", "--no-fund"];

/**
 * Finds a Node to run npm on. npm leaves out optional packages that the Node it runs on is too old
 * for, without a word, and some of our tools are such packages: an old Node fetches the pinned one
 * first, alone, and goes on with that.
 */
async function nodeForNpm() {
  const parts = process.versions.node.split(".").map(Number);
  const recent = parts[0] > 22 || (parts[0] === 22 && parts[1] >= 12);
  if (recent || (parts[0] === 20 && parts[1] >= 19)) {
    return process.execPath;
  }
  const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
  const folder = path.join(root, ".cache", "node");
  const binary = path.join(folder, "node_modules", "node", "bin", path.basename(nodeBinary));
  if (!fs.existsSync(binary)) {
    say("Node " + process.versions.node + " is old; fetching Node " + manifest.devDependencies.node);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, "package.json"), '{"private":true}\n');
    const wanted = "node@" + manifest.devDependencies.node;
    const args = ["install", "--no-save", "--prefix", folder, wanted].concat(FLAGS, QUIET);
    const result = await npm(process.execPath, args);
    if (result.code !== 0 || !fs.existsSync(binary)) {
      say("That Node could not be fetched; going on with this one:\n" + lastLines(result.output));
      return process.execPath;
    }
  }
  return binary;
}

/** Installs what package-lock.json says, and falls back to a looser install where npm rejects it. */
async function install() {
  const node = await nodeForNpm();
  const first = await npm(node, ["ci"].concat(FLAGS, QUIET));
  if (first.code === 0) {
    return;
  }
  // The package manager rejects a lockfile that lacks a platform build its registry does offer.
  if (/Missing: .* from lock file|can only install packages when/.test(first.output)) {
    say("npm ci refused the lockfile; installing without writing it");
    const second = await npm(node, ["install", "--no-save"].concat(FLAGS, QUIET));
    if (second.code === 0) {
      return;
    }
    fail("npm install failed:\n" + lastLines(second.output));
  }
  fail(
    "npm ci failed:\n" +
      lastLines(first.output) +
      "\nCheck the network and the npm registry (`npm ping`), then run the same command again.",
  );
}

/** Returns the Node to go on with: the pinned one, or this one where no build of it exists. */
function findNode() {
  if (!fs.existsSync(nodeBinary)) {
    say("The package `node` brought no binary (install scripts blocked?); running its script");
    spawnSync(process.execPath, ["installArchSpecificPackage.js"], {
      cwd: path.join(root, "node_modules", "node"),
      stdio: "inherit",
    });
  }
  const version = spawnSync(nodeBinary, ["--version"], { encoding: "utf8" });
  if (version.status === 0) {
    return nodeBinary;
  }
  if (Number(process.versions.node.split(".")[0]) >= 24) {
    say("No pinned Node runs here; going on with " + process.execPath);
    return process.execPath;
  }
  return fail(
    "Node 24 could not be installed by the package `node`. Allow its install script " +
      "(`npm config get ignore-scripts` must say false) or install Node 24 and run the command with it.",
  );
}

async function setUp() {
  const hash = lockHash();
  if (isInstalled(hash)) {
    return nodeBinary;
  }
  const begin = Date.now();
  const seconds = function () {
    return Math.round((Date.now() - begin) / 1000) + " s";
  };
  say("Installing packages …");
  const busy = setInterval(function () {
    say("… still installing packages (" + seconds() + ")");
  }, STILL_BUSY_EVERY_MS);
  await install();
  clearInterval(busy);
  const node = findNode();
  if (node === nodeBinary) {
    // Written last: an interrupted installation is repeated.
    fs.writeFileSync(stampFile, hash + "\n");
  }
  say("Installed packages in " + seconds());
  return node;
}

function handOver(node, command, args) {
  const file = path.join(root, PROGRAMS[command]);
  const lead = [path.dirname(node), path.join(root, "node_modules", ".bin")];
  const env = Object.assign({}, process.env, {
    PATH: lead.concat(process.env.PATH || "").join(path.delimiter),
  });
  const child = spawn(node, [file].concat(args), { cwd: root, env: env, stdio: "inherit" });
  // Ctrl-C reaches the whole terminal group, so the child has it already. Without a terminal the
  // signal was sent to this process alone and is passed on; npm repeats signals, the child must not
  // take that for a second one.
  const passedOn = {};
  const passOn = function (signal) {
    if (passedOn[signal] === undefined || Date.now() - passedOn[signal] > SAME_SIGNAL_MS) {
      passedOn[signal] = Date.now();
      child.kill(signal);
    }
  };
  process.on("SIGINT", function () {
    if (!process.stdin.isTTY) {
      passOn("SIGINT");
    }
  });
  ["SIGTERM", "SIGHUP"].forEach(function (signal) {
    process.on(signal, function () {
      passOn(signal);
    });
  });
  child.on("error", function (error) {
    fail("Cannot start " + node + ": " + error.message);
  });
  child.on("exit", function (code, signal) {
    process.exit(signal === null ? code : 1);
  });
}

const command = process.argv[2];
if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
  fail("Node " + OLDEST_NODE + " or newer is needed to begin; this is " + process.version + ".");
}
if (!Object.prototype.hasOwnProperty.call(PROGRAMS, command)) {
  fail("Unknown command " + command + ". Known: " + Object.keys(PROGRAMS).join(", ") + ".");
}
handOver(await setUp(), command, process.argv.slice(3));
