-- Compatible: a new table. Pages of the previous version cannot open live sockets until they are loaded again.
CREATE TABLE `live_tickets` (
	`hash` text PRIMARY KEY NOT NULL,
	`session_id` text NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `live_tickets_expiry` ON `live_tickets` (`expires_at`);