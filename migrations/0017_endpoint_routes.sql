-- Compatible: a new table; Workers of before know no webhooks.
CREATE TABLE `endpoint_routes` (
	`hash` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`endpoint_id` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `endpoint_routes_workspace` ON `endpoint_routes` (`workspace_id`);