-- Compatible: new tables, and a column that may be null and that the previous version neither reads nor writes.
CREATE TABLE `device_guesses` (
	`user_id` text PRIMARY KEY NOT NULL,
	`wrong` integer NOT NULL,
	`since` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `device_logins` (
	`device_hash` text PRIMARY KEY NOT NULL,
	`user_code_hash` text NOT NULL,
	`device_name` text,
	`address` text,
	`asked_role` text,
	`state` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`interval_ms` integer NOT NULL,
	`polled_at` integer,
	`workspace_id` text,
	`user_id` text,
	`role` text,
	`key_life_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `device_logins_user_code` ON `device_logins` (`user_code_hash`);--> statement-breakpoint
CREATE INDEX `device_logins_expiry` ON `device_logins` (`expires_at`);--> statement-breakpoint
ALTER TABLE `api_keys` ADD `created_by` text;