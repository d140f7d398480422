using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Where the tensors of a new adapter come from: its file, or its start values. One builder serves both.</summary>
internal interface ITensorMaker
{
    /// <summary>True where a tensor that need not be there is there.</summary>
    bool Has(string key);

    /// <summary>A factor, magnitude or bias of the method's own.</summary>
    Parameter Own(string key, Shape shape, out StoredType type);

    /// <summary>A trained copy of something of the base's.</summary>
    Parameter Copy(string key, Shape shape, Action<Span<float>> read, out StoredType type);
}
