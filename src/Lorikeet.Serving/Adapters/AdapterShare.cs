namespace Lorikeet.Serving;

/// <summary>An adapter of a request, and how much of it: y = W x + sum over the request's adapters of weight * change(x).</summary>
/// <param name="Version">The adapter.</param>
/// <param name="Weight">Its weight; 1: as it is.</param>
public readonly record struct AdapterShare(AdapterVersion Version, float Weight = 1f);
