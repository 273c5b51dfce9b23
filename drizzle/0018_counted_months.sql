ALTER TABLE "rollup_months" ADD COLUMN "counted" text[];--> statement-breakpoint
ALTER TABLE "rollup_months" ADD COLUMN "counted_of" bigint;