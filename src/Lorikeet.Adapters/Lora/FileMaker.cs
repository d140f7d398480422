using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Takes tensors from an adapter's file.</summary>
internal sealed class FileMaker(AdapterFile file) : ITensorMaker
{
    public bool Has(string key) => file.Has(key);

    public Parameter Own(string key, Shape shape, out StoredType type) => file.Take(key, shape, out type);

    public Parameter Copy(string key, Shape shape, Action<Span<float>> read, out StoredType type) => file.Take(key, shape, out type);
}
