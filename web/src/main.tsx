import { CSPProvider } from "@base-ui/react/csp-provider";
import { Tooltip } from "@base-ui/react/tooltip";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError, isApiError } from "./lib/api-error.ts";
import { openPages, paths } from "./lib/paths.ts";
import { router } from "./routes.tsx";
import { target } from "./ui/TextLink.tsx";
import "./ui/base.css";

const RETRIES = 2;

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    // A session that ends while the page is open: sign in, then come back here.
    onError: (error) => {
      const { pathname, href } = router.state.location;
      const isOpen = openPages.includes(pathname);
      if (isApiError(error, "unauthorized") && !isOpen) {
        void router.navigate({ ...target(paths.signIn(), { to: href }), replace: true });
      }
    },
  }),
  defaultOptions: {
    queries: {
      // Live messages keep what is shown fresh.
      staleTime: 30_000,
      retry: (failures, error) =>
        failures < RETRIES && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
    },
  },
});

const element = document.querySelector("#root");
if (element === null) {
  throw new Error("index.html has no element #root.");
}
createRoot(element).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <Tooltip.Provider delay={400}>
        <QueryClientProvider client={client}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </Tooltip.Provider>
    </CSPProvider>
  </StrictMode>,
);
