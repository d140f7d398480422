namespace Lorikeet.Models.Text.Unigram;

/// <summary>The best path to each place of a word.</summary>
internal sealed class PathTable
{
    private Place[] places = [];

    /// <summary>How many places there is room for.</summary>
    public int Capacity => places.Length;

    /// <summary>Places for a word of some length, none of them reached.</summary>
    public Span<Place> Reset(int length)
    {
        if (places.Length <= length)
        {
            places = new Place[Math.Max(64, length + 1)];
        }
        Span<Place> all = places.AsSpan(0, length + 1);
        all.Fill(new Place { From = -1 });
        return all;
    }

    /// <summary>The best path that ends at a place.</summary>
    public struct Place
    {
        /// <summary>The sum of the scores on it.</summary>
        public double Score;

        /// <summary>Where its last token starts; -1 for no path.</summary>
        public int From;

        /// <summary>Its last token.</summary>
        public int Id;
    }
}
