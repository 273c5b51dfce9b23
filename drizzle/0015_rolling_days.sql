ALTER TABLE "rollup_cells" ADD COLUMN "rolling_visitors" integer[];--> statement-breakpoint
ALTER TABLE "rollup_cells" ADD COLUMN "rolling_next" bigint;