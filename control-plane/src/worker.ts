/** The Worker: HTTP, the watchdog's tick, and the classes of the Durable Objects. */
import { makeDeps, type Env } from "./deps.ts";
import { createApp } from "./http/app.ts";
import { continueDeletions } from "./services/workspace-deletion.ts";
import { pokeDispatchers } from "./services/watchdog.ts";

export { Dispatcher } from "./objects/dispatcher/dispatcher.ts";
export { LogRoom } from "./objects/log-room/log-room.ts";

type App = ReturnType<typeof createApp>;
// One application for each environment: an isolate has one, tests may have several.
const apps = new WeakMap<object, App>();

// oxlint-disable-next-line import/no-default-export -- the runtime calls the module's default export
export default {
  fetch(request, env, context) {
    let app = apps.get(env);
    if (app === undefined) {
      app = createApp(makeDeps(env));
      apps.set(env, app);
    }
    return app.fetch(request, env, context);
  },
  async scheduled(_controller, env) {
    const deps = makeDeps(env);
    await pokeDispatchers(deps);
    await continueDeletions(deps);
  },
} satisfies ExportedHandler<Env>;
