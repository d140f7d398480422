using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>The proof that nothing of an engine's memory is lost or owned twice: what the pool says it gave out is what its owners say they hold.</summary>
internal static class Accounts
{
    /// <summary>Compares the pool with its owners, and what is idle with what nobody uses.</summary>
    /// <exception cref="InvalidOperationException">They differ; the message says where.</exception>
    public static void Check(PagePool pool, PrefixCache prefixes, AdapterCache adapters, IReadOnlyCollection<ActiveRequest> requests)
    {
        Holding[] held = [.. requests.SelectMany(r => r.Choices).Select(s => s.Held).OfType<Holding>()];
        Same("owners of pages", pool.Owners, held.Sum(h => (long)h.State.PageCount) + prefixes.Blocks.Sum(b => (long)b.Pages.Count));
        Same("bytes of adapters", pool.ChargedBytes, adapters.Entries.Sum(e => e.Bytes));
        foreach (PrefixBlock block in prefixes.Blocks)
        {
            int users = held.Count(h => h.Blocks.IndexOf(block) >= h.Passed);
            Same("users of a block", block.Users, users);
            Same("idle blocks", block.List is null ? 0 : 1, users == 0 ? 1 : 0);
        }
        foreach (AdapterEntry entry in adapters.Entries)
        {
            int users = held.Count(h => h.Entries.Contains(entry));
            Same($"users of adapter {entry.Version}", entry.Users, users);
            bool idle = users == 0 && entry.Adapter is not null && !entry.Version.IsPinned;
            Same($"idleness of adapter {entry.Version}", entry.List is null ? 0 : 1, idle ? 1 : 0);
        }
    }

    private static void Same(string what, long found, long expected)
    {
        if (found != expected)
        {
            throw new InvalidOperationException($"accounts: {what} are {found}, their owners say {expected}");
        }
    }
}
