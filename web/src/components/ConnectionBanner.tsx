import { WifiOff } from "lucide-react";
import { type ReactNode, useSyncExternalStore } from "react";
import { t } from "../lib/text.ts";
import { icon } from "../ui/icons.ts";

function subscribeOnline(listener: () => void): () => void {
  addEventListener("online", listener);
  addEventListener("offline", listener);
  return () => {
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
  };
}

/** One line over the page while live values do not arrive; it leaves by itself. */
export function ConnectionBanner({ isLost }: { readonly isLost: boolean }): ReactNode {
  const isOnline = useSyncExternalStore(subscribeOnline, () => navigator.onLine);
  const text = isOnline ? (isLost ? t("connection.lost") : null) : t("connection.offline");
  return (
    <div role="status">
      {text === null ? null : (
        <p className="flex items-center gap-2 border-b border-line bg-warn-wash px-4 py-1.5 text-12 text-warn lg:px-6">
          <WifiOff {...icon} className="shrink-0" />
          {text}
        </p>
      )}
    </div>
  );
}
