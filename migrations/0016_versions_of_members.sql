-- Compatible: columns with a default; Workers of before leave them as they are.
ALTER TABLE `members` ADD `version` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `workspaces` ADD `version` integer DEFAULT 1 NOT NULL;