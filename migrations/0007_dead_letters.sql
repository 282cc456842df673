-- Compatible: an index more.
CREATE INDEX `runs_dead` ON `runs` (`workspace_id`,`queued_at`,`id`) WHERE "runs"."state" = 'failed' AND "runs"."summary" ->> 'failReason' = 'retries_exhausted';