// Tests count the process's live memory and exchange its worker team.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
