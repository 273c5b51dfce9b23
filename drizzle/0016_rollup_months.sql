CREATE TABLE "rollup_months" (
	"project" integer NOT NULL,
	"from" timestamp (3) with time zone NOT NULL,
	"to" timestamp (3) with time zone NOT NULL,
	"version" bigint NOT NULL,
	"cells" bigint[] NOT NULL,
	"skipped" text[] NOT NULL,
	CONSTRAINT "rollup_months_project_from_pk" PRIMARY KEY("project","from")
);
--> statement-breakpoint
ALTER TABLE "rollup_months" ADD CONSTRAINT "rollup_months_project_projects_number_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("number") ON DELETE cascade ON UPDATE no action;