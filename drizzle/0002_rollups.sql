CREATE SEQUENCE "public"."rollup_versions" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "rollup_cells" (
	"project" integer NOT NULL,
	"from" timestamp (3) with time zone NOT NULL,
	"to" timestamp (3) with time zone NOT NULL,
	"version" bigint NOT NULL,
	"events" bigint NOT NULL,
	"detailed" boolean NOT NULL,
	"skipped" text[] NOT NULL,
	CONSTRAINT "rollup_cells_project_from_pk" PRIMARY KEY("project","from")
);
--> statement-breakpoint
CREATE TABLE "event_horizons" (
	"project" integer PRIMARY KEY NOT NULL,
	"horizon" timestamp (3) with time zone,
	"closing" timestamp (3) with time zone,
	"closing_at" timestamp (3) with time zone,
	"open_from" timestamp (3) with time zone,
	"zone" text,
	"revision" bigint DEFAULT 0 NOT NULL,
	"pending" bigint DEFAULT 0 NOT NULL,
	"pending_since" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "stale_ranges" (
	"project" integer NOT NULL,
	"from" timestamp (3) with time zone NOT NULL,
	"to" timestamp (3) with time zone NOT NULL,
	"until" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "stale_ranges_project_from_to_pk" PRIMARY KEY("project","from","to")
);
--> statement-breakpoint
CREATE TABLE "stale_visitors" (
	"project" integer NOT NULL,
	"visitor" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "stale_visitors_project_visitor_pk" PRIMARY KEY("project","visitor")
);
--> statement-breakpoint
ALTER TABLE "rollup_cells" ADD CONSTRAINT "rollup_cells_project_projects_number_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("number") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "event_horizons" ADD CONSTRAINT "event_horizons_project_projects_number_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("number") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stale_ranges" ADD CONSTRAINT "stale_ranges_project_projects_number_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("number") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stale_visitors" ADD CONSTRAINT "stale_visitors_project_projects_number_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("number") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "stale_ranges_by_until" ON "stale_ranges" USING btree ("project","until");