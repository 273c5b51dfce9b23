// What may other features use of goals?
export { GoalsModule } from './goals.module';
export { GoalsService } from './goals.service';
export type { Goal, GoalTarget, GoalValue } from './goals.types';
export { findGoal, MAX_RESOLVED_NODES, namesGoals, resolveGoals } from './resolve-goals';
