using Lorikeet.Kernels;

namespace Lorikeet.Models;

/// <summary>The pages that the next block's attention reads: a feed-forward that is bound by arithmetic fetches them meanwhile.</summary>
internal sealed unsafe class NextPages
{
    // More would displace what the products themselves read before it is wanted.
    private const long MostBytes = 4 << 20;

    // More rows have other products, which fetch nothing.
    private const int MostRows = 64;

    // Pinned: kernels hold its address.
    private MemoryRegion[] regions = GC.AllocateUninitializedArray<MemoryRegion>(256, pinned: true);

    /// <summary>Says so to the products that follow, until <see cref="NextReads.Forget"/>.</summary>
    /// <param name="rows">The rows of the step.</param>
    /// <param name="slot">The block's number.</param>
    /// <param name="spec">What its mixer keeps.</param>
    public void Announce(Rows rows, int slot, in StateSpec spec)
    {
        if (!rows.Stateful || rows.Count > MostRows || spec.PageFloats == 0)
        {
            return;
        }
        int count = 0;
        long half = spec.PageFloats / 2 * sizeof(float), bytes = 0;
        for (int i = 0; i < rows.Sequences.Length; i++)
        {
            ref readonly AttentionSequence sequence = ref rows.Sequences[i];
            float** pages = rows.State(i).Pages(slot);
            int first = spec.Window > 0 ? Math.Max(0, sequence.Start + 1 - spec.Window) / SequenceState.PageTokens : 0;
            for (int page = first; page * SequenceState.PageTokens < sequence.Start && bytes < MostBytes; page++)
            {
                if (pages[page] is null)
                {
                    continue;
                }
                // Keys lie position beside position, values position after position: of a page that is less than half full only the keys are read in whole.
                bool most = sequence.Start - (page * SequenceState.PageTokens) >= SequenceState.PageTokens / 2;
                if (count == regions.Length)
                {
                    MemoryRegion[] more = GC.AllocateUninitializedArray<MemoryRegion>(2 * count, pinned: true);
                    regions.CopyTo(more, 0);
                    regions = more;
                }
                regions[count++] = new MemoryRegion { Start = (byte*)pages[page], Bytes = most ? 2 * half : half };
                bytes += most ? 2 * half : half;
            }
        }
        fixed (MemoryRegion* list = regions)
        {
            NextReads.Announce(list, count);
        }
    }
}
