"""What other engines were measured or reported to get wrong, and the test that shows that ours does not.

Under each: the file below tests/, and the test in it.
Measured (graphon 0.8.0, langgraph 1.2, llama-index-workflows 2.26):

a retry's wait stops the branches beside it:
    workflows/engine/test_running.py
    test_a_retry_does_not_delay_the_siblings_even_with_one_worker
a stop waits two seconds for a node, which goes on:
    workflows/engine/test_running.py
    test_stop_takes_less_than_50_ms
a stop waits for the end of a retry's wait:
    workflows/engine/test_running.py
    test_stop_does_not_wait_for_a_retry
the state cannot be saved while nodes run, a crash loses the run:
    workflows/engine/test_going_on.py
    test_a_run_cut_at_every_event_ends_as_if_it_had_not_been
parallel nodes wait for five threads:
    workflows/peers/test_engines.py
    test_twenty_nodes_that_wait_are_waited_for_together
a text is parsed again whenever it is rendered:
    workflows/peers/test_engines.py
    test_texts_are_parsed_when_a_version_is_compiled_and_never_again
the graph is built anew for every run:
    workflows/peers/test_engines.py
    test_runs_side_by_side_share_one_plan_and_no_values
seven threads for every run:
    workflows/peers/test_engines.py
    test_fifty_runs_at_once_need_no_thread
a join looks at all its ways in for every one:
    workflows/engine/test_scheduling.py
    test_a_join_a_thousand_wide_runs_once_and_last
330 skipped nodes exceed the recursion limit:
    workflows/engine/test_scheduling.py
    test_ten_thousand_skipped_nodes_are_no_trouble
events queue up without end for a reader who does not read:
    workflows/runs/test_websocket.py
    test_a_reader_that_does_not_read_stalls_nobody
limits are looked at when a node ends, so a hung one hangs on:
    workflows/engine/test_containers.py
    test_a_run_has_a_deadline_and_a_number_of_steps
only four types of node may be tried again:
    workflows/peers/test_engines.py
    test_nodes_of_every_type_may_be_tried_again
waits between tries are fixed, without jitter or classes of errors:
    workflows/engine/test_values.py
    test_waits_grow_within_bounds_and_respect_what_the_provider_asks_for
whole states are written, so a log grows with the square:
    workflows/peers/test_engines.py
    test_the_log_of_a_thousand_nodes_is_under_a_megabyte
the engine loads pandas, transformers and half a minute of packages:
    workflows/peers/test_engines.py
    test_the_engine_loads_nothing_but_the_standard_library_and_a_validator
a fast branch waits for the slowest node of its step:
    workflows/peers/test_engines.py
    test_a_fast_branch_does_not_wait_for_a_slow_one
a node costs more in a larger graph:
    workflows/peers/test_engines.py
    test_a_node_costs_the_same_in_a_small_graph_and_a_large_one
an unhandled failure waits for what runs beside it:
    workflows/engine/test_running.py
    test_an_unhandled_failure_fails_the_run_and_stops_its_siblings

Seen in the code of Dify's engine:

all ways to an answer are listed, which doubles with every branch:
    workflows/peers/test_engines.py
    test_forty_branches_in_a_row_before_an_answer_cost_nothing
every item of an iteration reads and checks the graph again:
    workflows/peers/test_engines.py
    test_a_body_is_compiled_once_for_all_its_rounds
every item of an iteration copies all values:
    workflows/peers/test_engines.py
    test_rounds_share_what_lies_outside_and_copy_nothing
an answer in an iteration is told for the last item only:
    workflows/engine/test_containers.py
    test_an_answer_inside_a_container_is_said_when_it_is_there
500 nodes end a run:
    workflows/engine/test_containers.py
    test_ten_thousand_items_are_no_trouble
code may give thirty texts:
    workflows/peers/test_engines.py
    test_code_may_give_a_thousand_texts
a missing value in a condition beside the one that decides fails the node:
    workflows/peers/test_engines.py
    test_a_condition_that_is_not_needed_is_not_looked_at
a run of several beginnings cannot tell which one it was:
    workflows/engine/test_against_reference.py
    test_a_run_means_what_the_reference_says

Asked for by users:

a run goes on from where it failed, nothing is paid twice:
    workflows/forks/test_forking.py
    test_a_model_that_is_reused_is_not_paid_again
what a crash does is defined, an accepted run is never lost:
    chaos/test_every_boundary.py
    test_a_run_that_is_killed_at_any_event_ends_as_if_it_had_not_been
an accepted run waits for a worker and survives it:
    chaos/test_every_boundary.py
    test_a_worker_that_is_killed_at_any_event_of_a_background_run_costs_nothing_but_time
acts on the world are not repeated when a run goes on:
    workflows/engine/test_going_on.py
    test_an_act_of_which_nobody_knows_is_done_again_unless_the_node_forbids_it
joins run once, wait for all, and take no harm from skipped ways:
    workflows/engine/test_against_reference.py
    test_a_run_means_what_the_reference_says
a stop really stops, the call of the model too:
    workflows/runs/test_stopping.py
    test_a_stopped_run_leaves_the_provider_at_once
a stop is seen by whichever process executes the run:
    workflows/runs/test_stopping.py
    test_a_stop_is_seen_at_once_also_from_another_process
a client that leaves neither stops nor breaks a run:
    workflows/runs/test_websocket.py
    test_leaving_in_the_middle_stops_neither_the_run_nor_the_server
parallel nodes run at the same time, up to a limit that holds:
    workflows/engine/test_running.py
    test_siblings_run_at_the_same_time_up_to_the_limit
a limit of one loses no node:
    workflows/peers/test_engines.py
    test_a_limit_of_one_loses_nothing
parallel rounds give no null in place of a result:
    workflows/engine/test_containers.py
    test_results_stand_in_the_order_of_the_list
no more rounds are open than wanted:
    workflows/engine/test_containers.py
    test_no_more_items_are_open_than_wanted
a failed item stops its siblings, or is null, or is left out:
    workflows/engine/test_containers.py
    test_a_failed_item_is_null_or_left_out
rounds that failed are not run again by the next process:
    workflows/engine/test_against_reference.py
    test_a_run_with_failing_rounds_may_be_cut_at_any_event
a loop can be left early:
    workflows/engine/test_containers.py
    test_a_loop_end_ends_the_loop_with_its_round
texts stream in the order of the answer:
    workflows/engine/test_answer_order.py
    test_a_second_model_that_is_faster_waits_for_the_first
two people may be asked at once:
    workflows/engine/test_going_on.py
    test_several_may_wait_and_are_answered_one_by_one
nodes have limits of time of their own:
    workflows/engine/test_running.py
    test_a_node_that_takes_too_long_fails_with_timeout
the log grows with the nodes; what is large is kept once:
    workflows/blobs/test_large_values.py
    test_a_value_that_every_step_passes_on_is_in_the_log_once
nothing is left of a run that has ended:
    workflows/peers/test_engines.py
    test_nothing_is_left_of_runs_that_have_ended
a history of more than 51,200 events is no reason to end:
    workflows/peers/test_engines.py
    test_a_run_may_have_a_hundred_thousand_events
no run stays running for ever:
    chaos/test_web_dies.py
    test_a_run_that_kills_whoever_takes_it_is_closed
a refresh does not lose the answer that is coming:
    workflows/api/test_chat.py
    test_a_follower_can_come_back_at_any_event_on_another_process_and_gets_exactly_the_rest
a failed run keeps its message:
    workflows/runs/test_failures.py
    test_a_provider_that_fails_ends_the_run_with_its_reason_and_keeps_what_was_said
a retried node is one row, and not running for ever:
    workflows/peers/test_engines.py
    test_a_node_that_was_tried_again_is_told_of_once
rows of rounds are neither doubled nor misplaced:
    traces/test_fold.py
    test_every_node_of_a_loop_that_starts_again_gets_a_span_of_its_own
a reader gets the first words when they are there:
    workflows/peers/test_engines.py
    test_the_first_words_are_told_before_the_last_are_written
one team's runs do not stop another's:
    workflows/adapters/test_fair_share.py
    test_nodes_at_work_in_a_process_are_limited_and_teams_take_turns
code nodes wait for no lock of their own:
    workflows/adapters/test_fair_share.py
    test_a_team_has_so_many_places_for_code_whatever_its_runs_and_another_has_its_own
memory does not grow with the runs:
    chaos/test_crowd.py
    test_memory_does_not_grow_with_the_number_of_runs
requests reach no private address, and redirects neither:
    workflows/adapters/test_guarded_http.py
    test_a_redirect_to_what_is_not_allowed_is_refused
files of others cannot be named in a message:
    workflows/api/test_files.py
    test_nobody_uses_a_file_of_somebody_else
"""

from __future__ import annotations
