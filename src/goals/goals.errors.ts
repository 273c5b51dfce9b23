// How does a request about goals fail, in the client's words?
import { problem } from '../common/problem';

/** Names are unique in a project. */
export const goalNameTaken = problem(409, 'goal_name_taken', 'A goal of this name exists');
/** The project has as many as it may have. */
export const tooManyGoals = problem(409, 'too_many_goals', 'The project has as many goals as it may have');
